"""Why transaction storage refuses."""

from tilth.frame import ErrorEnum


class Error(ErrorEnum):
    BAD_CONTEXT = "Content can only be stored by an extrinsic of a block."
    BAD_DATA_SIZE = "The content is empty or larger than one transaction may store."
    TOO_MANY_TRANSACTIONS = "The block holds as many contents as it may."
    NOT_CONFIGURED = "The chain's genesis does not say what storing costs."
    RENEWED_NOT_FOUND = "No content stands at that place, or it has expired."
    UNEXPECTED_PROOF = "No proof is due in this block."
    INVALID_PROOF = "The proof does not show the chunk that was asked for."
    MISSING_PROOF = "The block lacks the proof that is due."
    MISSING_STATE_DATA = "The block whose content is to be proven stored none."
    DOUBLE_CHECK = "The proof was given in this block already."
    PROOF_NOT_CHECKED = "The proof that is due was not given."
    AUTHORIZATION_NOT_FOUND = "There is no such authorization."
    AUTHORIZATION_NOT_EXPIRED = "The authorization has not expired yet."
    INVALID_CONTENT_HASH = "The content's hash cannot be computed."
