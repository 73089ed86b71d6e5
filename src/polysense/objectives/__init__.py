"""polysense.objectives"""
