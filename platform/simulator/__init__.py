"""An upstream that speaks every vendor's dialect and every fault, over real sockets."""
