"""polysense.evaluation"""
