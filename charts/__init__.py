"""Draw result tables as SVG. The only package that uses pygal.

pygal itself is imported with the first picture. `hubbub.registry.builtins` lists the views.
"""
