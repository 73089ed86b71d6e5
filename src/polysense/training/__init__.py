"""polysense.training"""
