"""What is fitted on the training rows, and turns raw rows into the network's inputs."""
