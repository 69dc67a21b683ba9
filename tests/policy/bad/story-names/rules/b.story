about abend
expect run alert good
