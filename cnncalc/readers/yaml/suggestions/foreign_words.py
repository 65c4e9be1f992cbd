"""Tables of the layers of other tools: their names, their parameters in order, and the corresponding kinds and fields.

A row is `names | kind | parameters`. It continues on indented lines. Each parameter has one of these forms:
  name               ignored, because it does not affect shapes or counts
  name>field         the value of a field; `name>field=2` writes 2 if the parameter is missing
  name>field.0       the first number of a field that has one number per axis
  name!a,b           the row applies only if the value is a or b, or missing; with `name!!a` it must not be missing
  name@rule          translated by a function, see `foreign.RULES`
  +field:value       always written
  *                  any parameters, all ignored
Names are case-sensitive: `Conv2d` is PyTorch's, `Conv2D` is Keras'. If a name has several rows, the first one that
understands every given parameter applies.
"""

from __future__ import annotations

PYTORCH = """
Conv1d Conv2d Conv3d | conv | in_channels out_channels>filters kernel_size>kernel stride>stride padding>pad
  dilation>dilation groups>groups bias>bias padding_mode>mode
LazyConv1d LazyConv2d LazyConv3d | conv | out_channels>filters kernel_size>kernel stride>stride padding>pad
  dilation>dilation groups>groups bias>bias padding_mode>mode
ConvTranspose1d ConvTranspose2d ConvTranspose3d | convtranspose | in_channels out_channels>filters kernel_size>kernel
  stride>stride padding>pad output_padding>output_pad groups>groups bias>bias dilation>dilation padding_mode!zeros
LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d | convtranspose | out_channels>filters kernel_size>kernel
  stride>stride padding>pad output_padding>output_pad groups>groups bias>bias dilation>dilation padding_mode!zeros
Linear | linear | in_features out_features>units bias>bias
Linear LazyLinear | linear | out_features>units bias>bias
BatchNorm1d BatchNorm2d BatchNorm3d SyncBatchNorm | batchnorm | num_features eps momentum affine>affine
  track_running_stats!true
LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d | batchnorm | eps momentum affine>affine track_running_stats!true
InstanceNorm1d InstanceNorm2d InstanceNorm3d | instancenorm | num_features eps momentum affine>affine
  track_running_stats!false
LazyInstanceNorm1d LazyInstanceNorm2d LazyInstanceNorm3d | instancenorm | eps momentum affine>affine
  track_running_stats!false
LayerNorm | layernorm | normalized_shape@normalized eps elementwise_affine>affine bias>offset
RMSNorm | rmsnorm | normalized_shape@normalized eps elementwise_affine>affine
GroupNorm | groupnorm | num_groups>groups num_channels eps affine>affine
LocalResponseNorm CrossMapLRN2d | lrn | size>size alpha beta k
MaxPool1d MaxPool2d MaxPool3d | maxpool | kernel_size>kernel stride>stride padding>pad dilation>dilation
  return_indices ceil_mode>ceil
AvgPool1d AvgPool2d AvgPool3d | avgpool | kernel_size>kernel stride>stride padding>pad ceil_mode>ceil
  count_include_pad divisor_override
AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d | adaptiveavgpool | output_size>output
AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d | adaptivemaxpool | output_size>output return_indices
Dropout | dropout | p>rate inplace>inplace
Dropout1d Dropout2d Dropout3d | dropout | p>rate inplace>inplace +channels:true
AlphaDropout | dropout | p>rate inplace>inplace +alpha:true
FeatureAlphaDropout | dropout | p>rate inplace>inplace +channels:true +alpha:true
Embedding | embedding | num_embeddings>vocab embedding_dim>dim padding_idx max_norm norm_type scale_grad_by_freq
  sparse
LSTM | lstm | input_size hidden_size>units num_layers>layers bias>bias=double batch_first dropout
  bidirectional>bidirectional proj_size!0
GRU | gru | input_size hidden_size>units num_layers>layers bias>bias=double batch_first dropout
  bidirectional>bidirectional
RNN | rnn | input_size hidden_size>units num_layers>layers nonlinearity bias>bias=double batch_first dropout
  bidirectional>bidirectional
MultiheadAttention | attention | embed_dim num_heads>heads dropout bias>bias add_bias_kv!false add_zero_attn!false
  kdim!none vdim!none batch_first
TransformerEncoderLayer | seq | d_model@encoder nhead dim_feedforward dropout activation layer_norm_eps batch_first
  norm_first bias!true
PReLU | prelu | num_parameters@slopes init
Upsample | upsample | size!none scale_factor>factor mode>mode align_corners recompute_scale_factor
Upsample | resize | size>to scale_factor!none mode>mode align_corners recompute_scale_factor
UpsamplingNearest2d | upsample | size!none scale_factor>factor
UpsamplingNearest2d | resize | size>to scale_factor!none
UpsamplingBilinear2d | upsample | size!none scale_factor>factor +mode:bilinear
UpsamplingBilinear2d | resize | size>to scale_factor!none +mode:bilinear
interpolate | upsample | size!none scale_factor>factor mode>mode align_corners recompute_scale_factor antialias
interpolate | resize | size>to scale_factor!none mode>mode align_corners recompute_scale_factor antialias
PixelShuffle | pixelshuffle | upscale_factor>factor
PixelUnshuffle | pixelunshuffle | downscale_factor>factor
ChannelShuffle | channelshuffle | groups>groups
ZeroPad1d ZeroPad2d ZeroPad3d | pad | padding@sides
ConstantPad1d ConstantPad2d ConstantPad3d | pad | padding@sides value
ReflectionPad1d ReflectionPad2d ReflectionPad3d | pad | padding@sides +mode:reflect
ReplicationPad1d ReplicationPad2d ReplicationPad3d | pad | padding@sides +mode:replicate
CircularPad1d CircularPad2d CircularPad3d | pad | padding@sides +mode:circular
Flatten | flatten | start_dim!1 end_dim!-1
Identity | identity | *
ReLU | relu | inplace>inplace
ReLU6 | relu6 | inplace>inplace
SiLU | silu | inplace>inplace
SELU | selu | inplace>inplace
Mish | mish | inplace>inplace
Hardswish | hardswish | inplace>inplace
LeakyReLU | leakyrelu | negative_slope inplace>inplace
ELU | elu | alpha inplace>inplace
GELU | gelu | *
Sigmoid | sigmoid | *
Tanh | tanh | *
Hardsigmoid | hardsigmoid | *
Softplus | softplus | *
Softmax Softmax2d | softmax | *
LogSoftmax | logsoftmax | *
Hardtanh | hardtanh | min_val max_val inplace>inplace
CELU | celu | alpha inplace>inplace
Hardshrink | hardshrink | *
Softshrink | softshrink | *
Tanhshrink | tanhshrink | *
LogSigmoid | logsigmoid | *
Softsign | softsign | *
GLU | glu | dim
"""

KERAS = """
Conv1D Conv2D Conv3D | conv | filters>filters kernel_size>kernel strides>stride padding>pad data_format
  dilation_rate>dilation groups>groups activation@activation use_bias>bias
Convolution2D | conv | nb_filter>filters nb_row>kernel.0 nb_col>kernel.1 init activation@activation weights
  border_mode>pad subsample>stride dim_ordering
Convolution1D | conv | nb_filter>filters filter_length>kernel init activation@activation weights border_mode>pad
  subsample_length>stride
Convolution1D Convolution2D Convolution3D | conv | filters>filters kernel_size>kernel strides>stride padding>pad
  data_format dilation_rate>dilation groups>groups activation@activation use_bias>bias
SeparableConv1D SeparableConv2D SeparableConvolution1D SeparableConvolution2D | separableconv | filters>filters
  kernel_size>kernel strides>stride padding>pad data_format dilation_rate>dilation depth_multiplier>multiplier
  activation@activation use_bias>bias
ConvLSTM1D ConvLSTM2D ConvLSTM3D | convlstm | filters>filters kernel_size>kernel strides>stride padding>pad data_format
  dilation_rate>dilation activation recurrent_activation use_bias>bias return_sequences>returns=last
  return_state!false
DepthwiseConv1D DepthwiseConv2D | depthwise | kernel_size>kernel strides>stride padding>pad
  depth_multiplier>multiplier data_format dilation_rate>dilation activation@activation use_bias>bias
Conv1DTranspose Conv2DTranspose Conv3DTranspose Convolution1DTranspose Convolution2DTranspose Convolution3DTranspose
  | convtranspose | filters>filters
  kernel_size>kernel strides@spread padding>pad output_padding>output_pad data_format dilation_rate>dilation
  activation@activation use_bias>bias
LocallyConnected1D LocallyConnected2D | local | filters>filters kernel_size>kernel strides>stride padding>pad
  data_format activation@activation use_bias>bias
Dense | linear | units>units activation@activation use_bias>bias
Dense | linear | output_dim>units init activation@activation weights bias>bias
MaxPooling1D MaxPooling2D MaxPooling3D MaxPool1D MaxPool2D MaxPool3D | maxpool | pool_size>kernel=2 strides>stride
  padding>pad data_format border_mode>pad
AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D | avgpool | pool_size>kernel=2
  strides>stride padding>pad data_format border_mode>pad
GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D |
  globalavgpool | data_format keepdims!false
GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D | adaptiveavgpool | data_format keepdims!true
  +output:1
GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D |
  globalmaxpool | data_format keepdims!false
GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D | adaptivemaxpool | data_format keepdims!true +output:1
AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D | adaptiveavgpool | output_size>output
  data_format
AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D | adaptivemaxpool | output_size>output data_format
BatchNormalization | batchnorm | axis momentum epsilon center>offset scale>gain
LayerNormalization | layernorm | axis!-1 epsilon center>offset scale>gain
GroupNormalization | groupnorm | groups>groups=32 axis!-1 epsilon center>offset scale>gain
RMSNormalization | rmsnorm | axis!-1 epsilon
UpSampling1D UpSampling2D UpSampling3D | upsample | size>factor=2 data_format interpolation>mode
ZeroPadding1D ZeroPadding2D ZeroPadding3D | pad | padding@keras_sides data_format
Embedding | embedding | input_dim>vocab output_dim>dim mask_zero input_length
Dropout | dropout | rate>rate noise_shape
SpatialDropout1D SpatialDropout2D SpatialDropout3D | dropout | rate>rate +channels:true
AlphaDropout | dropout | rate>rate noise_shape +alpha:true
GaussianDropout | dropout | rate>rate
LSTM | lstm | units>units activation recurrent_activation use_bias>bias return_sequences>returns=last
  return_state!false
GRU | gru | units>units activation recurrent_activation use_bias>bias=double return_sequences>returns=last
  return_state!false reset_after!true
SimpleRNN | rnn | units>units activation use_bias>bias return_sequences>returns=last return_state!false
MultiHeadAttention | attention | num_heads>heads key_dim value_dim dropout use_bias>bias
Activation | activation | activation@activation
ReLU | relu6 | max_value!!6 negative_slope!0 threshold!0
ReLU | relu | max_value!none negative_slope!0 threshold!0
ReLU | leakyrelu | max_value!none negative_slope threshold!0
LeakyReLU ELU Softmax | | *
PReLU | prelu | shared_axes!!1x2 +per:channel
Reshape | reshape | target_shape>to
Permute | permute | dims@dims
Resizing | resize | height>to.0 width>to.1 interpolation>mode=bilinear
Flatten | flatten | data_format
TimeDistributed | | layer@everywhere
Bidirectional | | layer@both merge_mode!concat
"""

CAFFE = """
Convolution | conv | num_output>filters kernel_size>kernel kernel_h>kernel.0 kernel_w>kernel.1 pad>pad stride>stride
  dilation>dilation group>groups bias_term>bias
Deconvolution | convtranspose | num_output>filters kernel_size>kernel pad>pad stride>stride group>groups
  bias_term>bias
InnerProduct | fc | num_output>units bias_term>bias
Pooling | globalavgpool | pool!!AVE global_pooling!!true
Pooling | avgpool | pool!!AVE kernel_size>kernel pad>pad stride>stride=1 global_pooling!false +ceil:true
Pooling | globalmaxpool | pool!MAX global_pooling!!true
Pooling | maxpool | pool!MAX kernel_size>kernel pad>pad stride>stride=1 global_pooling!false +ceil:true
LRN | lrn | local_size>size alpha beta k norm_region
Dropout | dropout | dropout_ratio>rate
"""

DARKNET = """
convolutional Convolutional | conv | filters>filters size>kernel stride>stride pad@half groups>groups
  batch_normalize@normalized_after activation@activation
connected | fc | output>units activation@activation
avgpool | globalavgpool |
"""

LASAGNE = """
Conv1DLayer Conv2DLayer | conv | num_filters>filters filter_size>kernel stride>stride pad>pad untie_biases
  nonlinearity@rectified
DenseLayer | fc | num_units>units nonlinearity@rectified
MaxPool1DLayer MaxPool2DLayer | maxpool | pool_size>kernel stride>stride pad>pad ignore_border
DropoutLayer | dropout | p>rate rescale
"""

MATLAB = """
convolution1dLayer convolution2dLayer convolution3dLayer | conv | filterSize>kernel numFilters>filters Stride>stride
  Padding>pad DilationFactor>dilation NumChannels
transposedConv2dLayer | convtranspose | filterSize>kernel numFilters>filters Stride>stride Cropping>pad
maxPooling1dLayer maxPooling2dLayer maxPooling3dLayer | maxpool | poolSize>kernel Stride>stride=1 Padding>pad
averagePooling1dLayer averagePooling2dLayer averagePooling3dLayer | avgpool | poolSize>kernel Stride>stride=1
  Padding>pad
globalAveragePooling2dLayer | globalavgpool |
globalMaxPooling2dLayer | globalmaxpool |
fullyConnectedLayer | fc | outputSize>units
batchNormalizationLayer | batchnorm | *
dropoutLayer | dropout | probability>rate
crossChannelNormalizationLayer | lrn | windowChannelSize>size
lstmLayer | lstm | numHiddenUnits>units OutputMode>returns
bilstmLayer | lstm | numHiddenUnits>units OutputMode>returns +bidirectional:true
gruLayer | gru | numHiddenUnits>units OutputMode>returns
reluLayer | relu | *
leakyReluLayer | leakyrelu | *
tanhLayer | tanh | *
sigmoidLayer | sigmoid | *
eluLayer | elu | *
geluLayer | gelu | *
swishLayer | silu | *
softmaxLayer | softmax | *
flattenLayer | flatten | *
"""

TOOLS = {
    "PyTorch": PYTORCH,
    "Keras": KERAS,
    "Caffe": CAFFE,
    "Darknet": DARKNET,
    "Lasagne": LASAGNE,
    "MATLAB": MATLAB,
}

# prefix before a dot -> tool
PREFIXES = {
    "nn": "PyTorch", "torch": "PyTorch", "F": "PyTorch", "keras": "Keras", "layers": "Keras", "tf": "Keras",
    "lasagne": "Lasagne",
}  # fmt: skip

# parameters of all tools that do not affect shapes or counts
_IGNORED = (
    "name dtype device trainable seed input_shape batch_input_shape input_dim data_format dim_ordering kernel_initializer "
    "init W b W_regularizer b_regularizer weight_filler bias_filler dropout recurrent_dropout dropout_W dropout_U stateful "
    "unroll go_backwards use_cudnn implementation noise_shape unit_forget_bias batch_size shape incoming"
)
IGNORED = frozenset(_IGNORED.split())
IGNORED_ENDS = ("_initializer", "_regularizer", "_constraint")

# activations whose names differ from the kinds here
ACTIVATIONS = {
    "rectify": "relu", "rectifier": "relu", "leaky": "leakyrelu", "leaky_relu": "leakyrelu", "logistic": "sigmoid",
    "hard_sigmoid": "hardsigmoid", "hard_swish": "hardswish", "hard_silu": "hardswish", "log_softmax": "logsoftmax",
    "very_leaky_rectify": "leakyrelu",
}  # fmt: skip
NO_ACTIVATION = ("linear", "none", "identity", "")

# elementwise functions without a kind -> a kind with the same shapes and counts
ALIKE = {
    "RReLU": "leakyrelu", "Threshold": "relu", "ThresholdedReLU": "relu", "Softmin": "softmax", "GaussianNoise": "dropout",
}  # fmt: skip

# names that are not layers, or layers without a kind
_CONTAINERS = (
    "InputSpec JaxLayer FlaxLayer TFSMLayer TorchModuleWrapper Pipeline SpectralNormalization "
    "Module Container ModuleList ModuleDict ParameterList ParameterDict DataParallel Wrapper Layer Model"
)
CONTAINERS = frozenset(_CONTAINERS.split())
_STATED = (
    "HashedCrossing Hashing IntegerLookup StringLookup TextVectorization Discretization CategoryEncoding MelSpectrogram "
    "STFTSpectrogram GroupQueryAttention ReversibleEmbedding UnitNormalization StackedRNNCells SimpleRNNCell "
    "AdaptiveLogSoftmaxWithLoss Bilinear CosineSimilarity PairwiseDistance EmbeddingBag Fold Unfold FractionalMaxPool2d "
    "FractionalMaxPool3d LPPool1d LPPool2d LPPool3d MaxUnpool1d MaxUnpool2d MaxUnpool3d Transformer TransformerEncoder "
    "TransformerDecoder TransformerDecoderLayer GLU LSTMCell GRUCell RNNCell "
    "RNNBase RNNCellBase Unflatten Lambda RepeatVector EinsumDense"
)
STATED = frozenset(_STATED.split())
_LEFT_OUT = (
    "AugMix AutoContrast CutMix MixUp RandAugment Solarization Equalization MaxNumBoundingBoxes "
    "ContrastLimitedAdaptiveHistogramEqualization Masking Rescaling ActivityRegularization Data Accuracy Silence"
)
LEFT_OUT = frozenset(_LEFT_OUT.split())
_INPUTS = "Input InputLayer imageInputLayer sequenceInputLayer featureInputLayer"
INPUTS = frozenset(_INPUTS.split())
MERGES = {
    "Add": "add", "Concatenate": "concat", "Multiply": "mul", "Subtract": "sub", "Average": "average",
    "Maximum": "maximum", "Minimum": "minimum", "Concat": "concat", "ElemwiseSumLayer": "add", "ConcatLayer": "concat",
    "Eltwise": "add", "additionLayer": "add", "depthConcatenationLayer": "concat", "multiplicationLayer": "mul",
}  # fmt: skip

# help for names that are ambiguous or need an explanation
BY_NAME = {
    "Attention": "write `attend: [query, key, value]` for attention without weights, or `attention: 8` with projections",
    "AdditiveAttention": "cnncalc has no kind for it: write `{operator: [query, key], op: attention, output: 20x64}` with its "
    "output shape",
    "norm": "write `batchnorm`, `layernorm`, `groupnorm: 32`, or `lrn` for local response normalization",
    "globalpool": "write `globalavgpool` for the mean or `globalmaxpool` for the maximum",
    "adaptivepool": "write `adaptiveavgpool: 7` for the mean or `adaptivemaxpool: 7` for the maximum",
    "Activation": "write the function itself as a step, such as `relu`",
    "TransformerEncoderLayer": "write `seq: [residual: [attention: 8], layernorm, residual: [linear: 2048, relu, linear: 512], "
    "layernorm]` for 8 heads and 512 features",
    "Cropping1D": "write `crop: name` to match the size of another value, or `slice: {start: 2, stop: 30, axis: steps}` "
    "for a part",
    "Cropping2D": "write `crop: name` to match the size of another value, or `slice: {start: 2, stop: 30, axis: height}` "
    "for a part",
    "Cropping3D": "write `crop: name` to match the size of another value, or `slice: {start: 2, stop: 30, axis: height}` "
    "for a part",
}

# clauses to add to a suggestion, by the name of the layer
REMARKS = {
    "Dense": "which works on the last axis as in Keras, or `fc:` to flatten first, as in the lecture",
    "Linear": "which works on the last axis as in PyTorch, or `fc:` to flatten first, as in the lecture",
    "LSTM": "which returns only the last step as in Keras (PyTorch's returns every step)",
    "GRU": "which returns only the last step as in Keras (PyTorch's returns every step)",
    "SimpleRNN": "which returns only the last step as in Keras",
    "Pooling": "with Caffe's default stride of 1 and its sizes rounded up",
    "MultiHeadAttention": "if the heads together are as wide as the input features",
}
