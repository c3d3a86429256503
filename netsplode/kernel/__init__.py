"""System calls on connections, one file for each concern. Only Linux has most of them."""
