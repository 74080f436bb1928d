{% macro unescaped_partition_value(value) -%}
    {#- Hive writes special characters of a partition value as %XX. In one pass: %2541 is %41, and not A. -#}
    {%- set pieces = [] -%}
    {%- for piece in modules.re.split('(%[0-9A-Fa-f]{2})', value) -%}
        {%- do pieces.append('%c' | format(piece[1:] | int(0, 16)) if loop.index0 is odd else piece) -%}
    {%- endfor -%}
    {{ return(pieces | join) }}
{%- endmacro %}
