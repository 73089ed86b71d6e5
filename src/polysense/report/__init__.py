"""polysense.report"""
