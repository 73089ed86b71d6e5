"""polysense.corpora"""
