"""polysense.layers"""
