"""Testing: the pytest plugin and what tests of pallets and dApps need."""
