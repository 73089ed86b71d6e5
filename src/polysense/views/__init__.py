"""polysense.views"""
