{#-
    A setting that is a number: a whole one, or a percentage. Blank is its default, and none where that is blank.
-#}
{% macro number_setting(name, is_percentage=false) -%}
    {%- set text = matched_ids.setting(name) | string | trim -%}
    {%- set text = text or matched_ids.setting_defaults()[name] -%}
    {%- if not text -%}
        {{ return(none) }}
    {%- endif -%}
    {%- if is_percentage -%}
        {%- if not modules.re.match('^([0-9]{1,2}([.][0-9]+)?|100([.]0+)?)$', text) -%}
            {%- do exceptions.raise_compiler_error(
                'The setting ' ~ name ~ ' must be a percentage, a number from 0 to 100, not "' ~ text ~ '".') -%}
        {%- endif -%}
        {{ return(text | float) }}
    {%- endif -%}
    {%- if not modules.re.match('^[0-9]{1,9}$', text) -%}
        {%- do exceptions.raise_compiler_error(
            'The setting ' ~ name ~ ' must be a whole number, not "' ~ text ~ '".') -%}
    {%- endif -%}
    {{ return(text | int) }}
{%- endmacro %}
