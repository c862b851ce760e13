"""What is raised where no strategy can be made."""


class NoStrategyError(TypeError):
    """There is no telling which values fit a type; the user has to say."""
