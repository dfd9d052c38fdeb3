"""The routes, one module for each resource; each gives its router for the services of one app."""
