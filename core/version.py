"""The version of Tunesmith, read by the command line, the window's About box and the build."""

VERSION = "0.1.0"
