"""Pages: what people look at, as HTML, videos, pictures and bars of progress."""
