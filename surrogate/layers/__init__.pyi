from .attention import Attention as Attention
from .encoder_layer import EncoderLayer as EncoderLayer
from .feed_forward import FeedForward as FeedForward
from .head_norm import HeadNorm as HeadNorm
from .spectral_convolution import SpectralConvolution as SpectralConvolution
from .spectral_decoder import SpectralDecoder as SpectralDecoder
