"""The gRPC face: a servicer for each service of proto/tilth/v1."""
