\sleep 600 s
