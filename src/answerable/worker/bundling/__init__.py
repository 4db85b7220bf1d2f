"""An answer gathered, told and written as one file for strangers."""
