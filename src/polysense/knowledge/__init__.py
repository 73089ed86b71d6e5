"""polysense.knowledge"""
