{% macro partition_spec(keys, values) -%}
    {%- set parts = [] -%}
    {%- for key in keys -%}
        {%- do parts.append(adapter.quote(key) ~ "='" ~ values[loop.index0] ~ "'") -%}
    {%- endfor -%}
    {{ return(parts | join(', ')) }}
{%- endmacro %}
