"""The one exception that a person may see."""


class StyleSwapError(Exception):
    """Something a person can put right. Its text is one sentence: what was wrong and what to do.

    The page shows it as a toast, the command line prints it and exits 2, the API returns it.
    Every other exception that escapes is a bug.
    """
