"""Actions of users: from the events, or from the rollup that keeps them."""
