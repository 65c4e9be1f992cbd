"""The `check` feature: submissions from strangers, policies, and comparison with the past."""
