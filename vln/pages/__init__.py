"""Pages: HTML, videos, pictures and progress bars for people."""
