"""The gRPC server of the two roles."""
