"""How all tests run: Hypothesis without a clock, because shared machines are slow at times."""

from hypothesis import HealthCheck, settings

settings.register_profile("tilth", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tilth")
