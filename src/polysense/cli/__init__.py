"""polysense.cli"""
