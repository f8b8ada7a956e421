#if HALF == 1
enable f16;
alias Weights = vec4<f16>;
#else
alias Weights = vec4<f32>;
#end
