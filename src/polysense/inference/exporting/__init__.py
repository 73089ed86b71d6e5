"""Text encoders written as other libraries load them."""
