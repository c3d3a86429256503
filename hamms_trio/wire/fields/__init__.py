"""Values of single fields (RFC 9110): what they mean, whatever message they stand in."""
