"""polysense.metrics"""
