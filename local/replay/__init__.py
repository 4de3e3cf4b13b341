"""A recorded series played through a policy, and the picture of what it would have done."""
