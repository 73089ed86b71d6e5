"""polysense.encoders"""
