"""pytest puts the folder of this file on the path, so that tests find the package `digits`."""
