"""polysense.inference"""
