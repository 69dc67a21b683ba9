about abends
run alert failed
expect abnd fired
