"""polysense.fusion"""
