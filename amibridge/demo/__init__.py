"""What a demonstration needs besides the product itself: the other side of its connections."""
