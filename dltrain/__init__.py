"""dltrain trains neural networks declared in YAML and says what is wrong with them."""

__version__ = "0.1.0"
