"""Churn for as long as one likes: what comes and goes must leave nothing behind, in the controller or on the bridges."""
