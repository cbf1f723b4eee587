"""What is seen in a frame: faces found, followed, read and drawn. It knows neither cameras nor HTTP."""
