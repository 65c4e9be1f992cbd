"""The `check` feature: submissions from strangers, policies, and comparison with a baseline.

`paths` finds the files, `submission` checks one of them, `policy` reads a policy file, and `history` reads files at a git
revision. The rules themselves are in `cnncalc.analyses.budget`. Everything here must be safe for hostile input: see
SECURITY.md.
"""
