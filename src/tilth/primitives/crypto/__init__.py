"""Hashes, signatures, key pairs and their files, sealed messages and encryption at rest.

Nothing is re-exported here: whoever needs a hash should not load a cipher.
"""
