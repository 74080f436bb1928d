{#- The number of a setting that is a percentage. -#}
{% macro percent_setting(name) -%}
    {%- set text = matched_ids.setting(name) | string | trim -%}
    {%- if not modules.re.match('^[0-9]{1,3}([.][0-9]+)?$', text) or text | float > 100 -%}
        {%- do exceptions.raise_compiler_error(
            'The setting ' ~ name ~ ' is "' ~ text ~ '". Set it to a percentage from 0 to 100: 1, or 0.5.') -%}
    {%- endif -%}
    {{ return(text | float) }}
{%- endmacro %}
