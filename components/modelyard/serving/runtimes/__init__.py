"""The servers that a service can have, each in a file: what the user writes of it, its rules, and the server it makes.

`runtime.py` is what they share and `parallel.py` what the language models' do. A further runtime is a file here and a
field of `RuntimeSpec` in `serving/spec.py`. What Kubernetes makes of a server is in `serving/containers.py`.
"""
