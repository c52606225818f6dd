"""A model of handwritten digits: trained by scikit-learn, served over HTTP, and run over files."""
