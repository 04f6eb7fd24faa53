"""What a person should know of the data before an error is believed."""
