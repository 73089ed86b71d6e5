"""polysense.data"""
